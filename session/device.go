package session

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"tfcnn/internal/quote"
)

const cpuDevice = "/device:CPU:0"

// ErrNoDevice is wrapped by the error of a device that was asked for by name
// and is not there.
var ErrNoDevice = errors.New("no such device")

// choose turns Options.Device into the name of a device that is there.
func choose(asked string) (name string, err error) {
	switch asked = strings.ToLower(asked); asked {
	case "cpu":
		return cpuDevice, nil
	case "", "auto", "gpu":
	default:
		number, isGPU := strings.CutPrefix(asked, "gpu:")
		if n, err := strconv.Atoi(number); !isGPU || err != nil || n < 0 || strconv.Itoa(n) != number {
			return "", fmt.Errorf("session: device %s is not known, want auto, cpu, gpu or gpu:N", quote.Name(asked))
		}
	}
	devices, err := Devices()
	if err != nil {
		return "", err
	}
	wanted := ""
	if number, found := strings.CutPrefix(asked, "gpu:"); found {
		wanted = "/device:GPU:" + number
	}
	var have []string
	for _, d := range devices {
		if d.Type == "GPU" && (wanted == "" || d.Name == wanted) {
			return d.Name, nil
		}
		have = append(have, d.Name)
	}
	if asked == "gpu" || wanted != "" {
		return "", fmt.Errorf("session: device %s: TensorFlow %s has %s: %w", quote.Name(asked), Version(), strings.Join(have, ", "), ErrNoDevice)
	}
	return cpuDevice, nil
}
