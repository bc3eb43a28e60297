//go:build !unix

package main

import "syscall"

// ownProcessGroup changes nothing where there are no process groups.
func ownProcessGroup() *syscall.SysProcAttr { return nil }
