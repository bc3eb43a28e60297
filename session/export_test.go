package session

// Leaver frees what a session left behind that the tests leak on purpose.
func Leaver(s *Session) leaver { return leaver{s.core} }

type leaver struct{ core *core }

func (l leaver) Leave() {
	l.core.running.close()
	l.core.opened.Done()
	l.core.free()
}
