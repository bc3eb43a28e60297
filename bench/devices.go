package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
)

// deviceRival is the contestant beside ours in rows of networks on a device.
const deviceRival = "torch-channels-last"

// deviceRows are networks on a device: in float32 as it is, in float32 with
// TF32, which the CPU has not, and in float16.
func deviceRows(device string) []row {
	type arithmetic struct {
		name, compute string
		tf32          bool
	}
	kinds := []arithmetic{{"float32", "", false}, {"tf32", "", true}, {"float16", "float16", true}}
	if device == "cpu" {
		kinds = []arithmetic{kinds[0], kinds[2]}
	}
	var list []row
	for _, network := range []string{"resnet18", "vgg16", "mobilenet"} {
		for _, batch := range []int{1, 64} {
			for _, kind := range kinds {
				list = append(list, row{
					name:  fmt.Sprintf("%s-%d-%s", network, batch, kind.name),
					title: fmt.Sprintf("%s, batch %d, %s, on the device %q", network, batch, kind.name, device),
					batch: batch, net: ready(network), device: device, compute: kind.compute, tf32: kind.tf32,
				})
			}
		}
	}
	return list
}

var errUnknownDevice = errors.New("not known, want cpu or gpu")

// checkDevice is an error of one line where a device is not there.
func (t tools) checkDevice(ctx context.Context, device string) error {
	if device != "cpu" && device != "gpu" {
		return fmt.Errorf("-device %q: %w", device, errUnknownDevice)
	}
	command := exec.CommandContext(ctx, t.ours, "device", device)
	command.Env = append(command.Environ(), t.tensorFlow(t.oneDNN)...)
	output, err := command.CombinedOutput()
	if err == nil {
		return nil
	}
	if lines := strings.Split(strings.TrimSpace(string(output)), "\n"); lines[len(lines)-1] != "" {
		err = errors.New(lines[len(lines)-1])
	}
	return fmt.Errorf("-device %s: %w", device, err)
}
