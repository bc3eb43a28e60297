//go:build unix

package main

import "syscall"

// ownProcessGroup puts a child into a process group of its own, so that Ctrl-C reaches
// the parent alone, which then ends it in order.
func ownProcessGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
