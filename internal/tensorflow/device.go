package tensorflow

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/galeone/tfgo"

	"tfcnn/internal/capi"
	"tfcnn/internal/quote"
)

// CPU is TensorFlow's name of the CPU.
const CPU = "/device:CPU:0"

// ErrNoDevice is wrapped by the error of a device that an option names and the machine
// does not have.
var ErrNoDevice = errors.New("no such device")

// ChooseDevice returns TensorFlow's name of the device for Options.Device.
func ChooseDevice(option string) (name string, err error) {
	switch option = strings.ToLower(option); option {
	case "cpu":
		return CPU, nil
	case "", "auto", "gpu":
	default:
		number, isGPU := strings.CutPrefix(option, "gpu:")
		if n, err := strconv.Atoi(number); !isGPU || err != nil || n < 0 || strconv.Itoa(n) != number {
			return "", fmt.Errorf("device %s is not known, want auto, cpu, gpu or gpu:N", quote.Name(option))
		}
	}
	devices, err := Devices()
	if err != nil {
		return "", err
	}
	wanted := ""
	if number, found := strings.CutPrefix(option, "gpu:"); found {
		wanted = "/device:GPU:" + number
	}
	var have []string
	for _, d := range devices {
		if d.Type == "GPU" && (wanted == "" || d.Name == wanted) {
			return d.Name, nil
		}
		have = append(have, d.Name)
	}
	if option == "gpu" || wanted != "" {
		return "", fmt.Errorf("device %s: TensorFlow %s has %s: %w", quote.Name(option), Version(), strings.Join(have, ", "), ErrNoDevice)
	}
	return CPU, nil
}

// Named reports whether Options.Device names a device, and does not leave the choice
// to this package.
func Named(option string) bool { return option != "" && !strings.EqualFold(option, "auto") }

// Device is one of TensorFlow's devices.
type Device struct {
	Name        string // as "/device:CPU:0"
	Type        string // as "CPU" or "GPU"
	MemoryBytes int64  // the limit of TensorFlow's allocator
}

// Devices returns TensorFlow's devices on this machine. It starts TensorFlow, as
// the first Open does.
func Devices() ([]Device, error) {
	devices, err := listDevices()
	return slices.Clone(devices), err
}

var listDevices = sync.OnceValues(func() ([]Device, error) {
	graph, err := Finalize(tfgo.NewRoot())
	if err != nil {
		return nil, fmt.Errorf("devices: %w", err)
	}
	defer capi.FreeGraph(graph)
	probe, err := open(graph, Settings{Executor: Parallel}, true)
	if err != nil {
		return nil, fmt.Errorf("devices: %w", err)
	}
	defer probe.Close()
	found, err := probe.session.ListDevices()
	if err != nil {
		return nil, fmt.Errorf("devices: %w", OneLine(err))
	}
	var devices []Device
	for _, d := range found {
		name := d.Name
		if at := strings.Index(name, "/device:"); at > 0 {
			name = name[at:]
		}
		devices = append(devices, Device{Name: name, Type: d.Type, MemoryBytes: d.MemoryLimitBytes})
	}
	return devices, nil
})
