package main

import (
	"os"
	"testing"
)

// Runs into one folder leave each other's staging alone while it is held,
// however their starts fall together.
func TestStagingKeepsTheLiving(t *testing.T) {
	out := t.TempDir()
	held := make(chan *staging)
	const runs = 60
	for range runs {
		go func() {
			s, err := newStaging(t.Context(), out)
			if err != nil {
				t.Error(err)
			}
			held <- s
		}()
	}
	var all []*staging
	for range runs {
		if s := <-held; s != nil {
			all = append(all, s)
		}
	}
	for _, s := range all {
		if _, err := os.Stat(s.dir); err != nil {
			t.Errorf("a run's folder was removed under it: %v", err)
		}
		s.close()
	}
	if entries, err := os.ReadDir(out); err != nil || len(entries) > 0 {
		t.Errorf("left over: %v, %v", entries, err)
	}
}
