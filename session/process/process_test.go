package process_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"tfcnn/session/process"
)

func TestConfigure(t *testing.T) {
	if err := process.Configure(process.Options{IntraOpThreads: -1}); err == nil {
		t.Error("-1 threads: no error")
	}
	if err := process.Configure(process.Options{OneDNN: "maybe"}); err == nil {
		t.Error("oneDNN maybe: no error")
	}
	if _, err := process.Devices(); err != nil { // settles the process
		t.Fatal(err)
	}
	if err := process.Configure(process.Options{}); err != nil {
		t.Errorf("the same again: %v", err)
	}
	err := process.Configure(process.Options{IntraOpThreads: 3, GPUMemoryGrowth: true, Deterministic: true})
	if !errors.Is(err, process.ErrConfigured) || !strings.Contains(err.Error(), "intra-op threads is 0, asked for 3, deterministic operations is false, asked for true, GPU memory growth is false, asked for true") {
		t.Error(err)
	}
	// Each field reaches TensorFlow's process: another value is refused.
	kind := reflect.TypeFor[process.Options]()
	for i := range kind.NumField() {
		var o process.Options
		switch field := reflect.ValueOf(&o).Elem().Field(i); field.Kind() {
		case reflect.Bool:
			field.SetBool(true)
		case reflect.Int:
			field.SetInt(3)
		case reflect.String:
			field.SetString("maybe")
		default:
			t.Fatalf("%s is of kind %v, which this test does not set", kind.Field(i).Name, field.Kind())
		}
		if err := process.Configure(o); err == nil {
			t.Errorf("%s: another value is no error", kind.Field(i).Name)
		}
	}
}
