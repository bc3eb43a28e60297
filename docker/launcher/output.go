package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// takeOutput makes a mounted output folder one that cnndemo can write to. It
// changes nothing else, and nothing where the folder can be written to, where
// it is no mount, or where the image was not given the privileges.
func takeOutput(folder string) error {
	if unix.Access(folder, unix.W_OK) == nil || !mounted(folder) {
		return nil
	}
	info, err := os.Lstat(folder)
	if err != nil || !info.IsDir() {
		return err
	}
	owner := info.Sys().(*syscall.Stat_t)
	switch {
	case owner.Uid == 0 && ours(folder):
		if err := raise(unix.CAP_CHOWN); err != nil {
			return nil // no privilege, as with --cap-drop ALL
		}
		err := os.Chown(folder, os.Getuid(), os.Getgid())
		if err != nil && !errors.Is(err, os.ErrPermission) && !errors.Is(err, syscall.EROFS) {
			return fmt.Errorf("hand it to user %d: %w", os.Getuid(), err)
		}
		if err == nil {
			takeFiles(folder)
		}
	case owner.Uid != 0 && os.Getuid() == standardUser:
		if err := raise(unix.CAP_SETUID, unix.CAP_SETGID); err != nil {
			return nil
		}
		return become(int(owner.Uid), groupFor(int(owner.Gid), os.Getgid()))
	}
	return nil
}

// takeFiles hands the files of an earlier run over, too, which cnndemo could not
// replace otherwise. A file that has another name elsewhere, or that cannot be handed
// over, stays, and cnndemo names it.
func takeFiles(folder string) {
	for name := range written(filepath.Join(folder, reportName)) {
		path := filepath.Join(folder, name)
		if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() && info.Sys().(*syscall.Stat_t).Nlink == 1 {
			_ = os.Lchown(path, os.Getuid(), os.Getgid())
		}
	}
}

// groupFor is the group to run as in a folder of a group: the folder's, but
// never root's, for which the launcher's own stays.
func groupFor(folders, own int) int {
	if folders == 0 {
		return own
	}
	return folders
}

// mounted reports whether another file system, or another part of one, begins at
// the folder.
func mounted(folder string) bool {
	var here, above unix.Statx_t
	if unix.Statx(unix.AT_FDCWD, folder, unix.AT_SYMLINK_NOFOLLOW, unix.STATX_MNT_ID, &here) != nil ||
		unix.Statx(unix.AT_FDCWD, filepath.Dir(folder), 0, unix.STATX_MNT_ID, &above) != nil {
		return false
	}
	return here.Mnt_id != above.Mnt_id
}

// ours reports whether a folder is empty, as Docker makes it, or holds nothing
// but the files of an earlier run: those that its report.json lists, its two
// reports, and what a killed run has left.
func ours(folder string) bool {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return false
	}
	listed := map[string]bool{}
	if len(entries) > 0 {
		listed = written(filepath.Join(folder, reportName))
	}
	for _, e := range entries {
		if !listed[e.Name()] && !strings.HasPrefix(e.Name(), stagingPrefix) {
			return false
		}
	}
	return true
}

const (
	reportName    = "report.json"
	stagingPrefix = ".cnndemo-" // of the folders in which cnndemo prepares its files
	mostReport    = 64 << 20    // bytes; a thousand images take 3 MB
)

// written lists the first path elements of the files that a run's report
// names, with the reports themselves; it is empty where there is no report.
func written(report string) map[string]bool {
	names := map[string]bool{}
	// Not a device, and no FIFO to wait for.
	if info, err := os.Lstat(report); err != nil || !info.Mode().IsRegular() || info.Size() > mostReport {
		return names
	}
	text, err := os.ReadFile(report)
	if err != nil {
		return names
	}
	var r struct {
		TensorFlow string
		Sizes      []struct{ Files []struct{ Path string } }
	}
	if err := json.Unmarshal(text, &r); err != nil || r.TensorFlow == "" {
		return names
	}
	for _, size := range r.Sizes {
		for _, f := range size.Files {
			first, _, _ := strings.Cut(f.Path, "/")
			names[first] = true
		}
	}
	names[reportName], names["report.html"] = true, true
	return names
}

// raise makes capabilities effective that the file of this program permits.
func raise(wanted ...int) error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return err
	}
	for _, c := range wanted {
		if data[c/32].Permitted&(1<<(c%32)) == 0 {
			return unix.EPERM
		}
		data[c/32].Effective |= 1 << (c % 32)
	}
	return unix.Capset(&header, &data[0])
}

// become changes the thread's user and group, and so those of processes that
// it starts.
func become(user, group int) error {
	if _, _, failed := unix.RawSyscall(unix.SYS_SETGROUPS, 0, uintptr(unsafe.Pointer(nil)), 0); failed != 0 {
		return fmt.Errorf("leave groups: %w", failed)
	}
	if _, _, failed := unix.RawSyscall(unix.SYS_SETRESGID, uintptr(group), uintptr(group), uintptr(group)); failed != 0 {
		return fmt.Errorf("run as group %d: %w", group, failed)
	}
	if _, _, failed := unix.RawSyscall(unix.SYS_SETRESUID, uintptr(user), uintptr(user), uintptr(user)); failed != 0 {
		return fmt.Errorf("run as user %d: %w", user, failed)
	}
	return nil
}

// dropPrivileges gives up, for all threads, the capabilities that the file of
// this program gave, and the way to get others by other files. Root, who asked
// for it with --user 0, keeps what Docker gives to root.
func dropPrivileges() error {
	if _, _, failed := syscall.AllThreadsSyscall6(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0); failed != 0 {
		return failed
	}
	if os.Getuid() == 0 {
		return nil
	}
	header := &unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	none := &[2]unix.CapUserData{}
	_, _, failed := syscall.AllThreadsSyscall(unix.SYS_CAPSET, uintptr(unsafe.Pointer(header)), uintptr(unsafe.Pointer(none)), 0)
	runtime.KeepAlive(header)
	runtime.KeepAlive(none)
	if failed != 0 {
		return failed
	}
	return nil
}
