package graphs

// Closer returns a function that closes a session, and does not keep it from being
// garbage.
func Closer(s *Session) func() error {
	c := s.core
	return func() error { return (&Session{c}).Close() }
}
