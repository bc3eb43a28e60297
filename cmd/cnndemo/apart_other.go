//go:build !unix

package main

import "syscall"

// apart changes nothing where there are no process groups.
func apart() *syscall.SysProcAttr { return nil }
