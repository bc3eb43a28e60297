package session_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"tfcnn/session"
)

func TestConfigure(t *testing.T) {
	if err := session.Configure(session.Process{IntraOpThreads: -1}); err == nil {
		t.Error("-1 threads: no error")
	}
	if err := session.Configure(session.Process{OneDNN: "maybe"}); err == nil {
		t.Error("oneDNN maybe: no error")
	}
	if _, err := session.Devices(); err != nil { // settles the process
		t.Fatal(err)
	}
	if err := session.Configure(session.Process{}); err != nil {
		t.Errorf("the same again: %v", err)
	}
	err := session.Configure(session.Process{IntraOpThreads: 3, GPUMemoryGrowth: true, Deterministic: true})
	if !errors.Is(err, session.ErrConfigured) || !strings.Contains(err.Error(), "intra-op threads is 0, asked for 3, deterministic operations is false, asked for true, GPU memory growth is false, asked for true") {
		t.Error(err)
	}
	// Each field reaches TensorFlow's process: another value is refused.
	kind := reflect.TypeFor[session.Process]()
	for i := range kind.NumField() {
		var p session.Process
		switch field := reflect.ValueOf(&p).Elem().Field(i); field.Kind() {
		case reflect.Bool:
			field.SetBool(true)
		case reflect.Int:
			field.SetInt(3)
		case reflect.String:
			field.SetString("maybe")
		default:
			t.Fatalf("%s is of kind %v, which this test does not set", kind.Field(i).Name, field.Kind())
		}
		if err := session.Configure(p); err == nil {
			t.Errorf("%s: another value is no error", kind.Field(i).Name)
		}
	}
}
