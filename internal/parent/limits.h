// A limit of fewer file descriptors can end the program; it has a dozen open at once.
enum { TFCNN_PARENT_FILES = 64 };

// limited reports whether the process has a limit on memory, address space,
// threads or file descriptors that can end it; limits.c lists the limits.
int tfcnn_parent_limited(void);

// killed_for_memory counts the processes of this cgroup that the kernel has killed
// because the cgroup's memory ran out; -1 where the kernel does not count them.
long long tfcnn_parent_killed_for_memory(void);
