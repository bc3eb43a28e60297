package commandline

// ExitStatus returns the list of exit statuses in a command's help: the command's
// own lines between those of all commands.
func ExitStatus(lines ...string) string {
	text := "Exit status:\n  0    done\n"
	for _, line := range lines {
		text += "  " + line + "\n"
	}
	return text + "  130  interrupted, by SIGINT or SIGTERM"
}
