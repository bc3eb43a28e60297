package capi_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"tfcnn/internal/capi"
)

const callersVariable = "TF_ONEDNN_THREADPOOL_USE_CALLER_THREAD"

// TensorFlow has heard of what is set before main, and of what the environment
// says against it.
func TestCallersShare(t *testing.T) {
	if os.Getenv("TFCNN_TEST_CALLERS") != "" {
		on, known := capi.CallersShare()
		t.Logf("on %v, known %v", on, known)
		return
	}
	for value, want := range map[string]string{"": "on true, known true", "0": "on false, known true", "1": "on true, known true"} {
		cmd := exec.Command(os.Args[0], "-test.run", "TestCallersShare$", "-test.v")
		for _, line := range os.Environ() {
			if !strings.HasPrefix(line, callersVariable+"=") {
				cmd.Env = append(cmd.Env, line)
			}
		}
		cmd.Env = append(cmd.Env, "TFCNN_TEST_CALLERS=1")
		if value != "" {
			cmd.Env = append(cmd.Env, callersVariable+"="+value)
		}
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("%s=%q: %v, want %q:\n%s", callersVariable, value, err, want, out)
		}
	}
}
