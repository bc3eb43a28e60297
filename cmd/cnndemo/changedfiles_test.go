package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"tfcnn/internal/proof/certificate"
)

// changeCheck changes the sha256, or the name, of a layer in a certificate.
func changeCheck(text []byte, field, layer string) ([]byte, error) {
	c, err := certificate.Read("a certificate", text)
	if err != nil {
		return nil, err
	}
	for i := range c.Checks {
		check := &c.Checks[i]
		if check.Kind != certificate.Layer || check.Layers[0] != layer {
			continue
		}
		if field == "sha256" {
			check.SHA256 = strings.Repeat("0", 64)
		} else {
			check.Layers[0] = "d" + layer[1:]
		}
		var out bytes.Buffer
		err := c.Write(&out)
		return out.Bytes(), err
	}
	return nil, fmt.Errorf("no layer %s", layer)
}

// flipBit changes the lowest bit of a case's first number in a baseline, and
// the digest with it.
func flipBit(baseline, name string) (string, error) {
	lines := strings.Split(baseline, "\n")
	for i, line := range lines {
		if !strings.Contains(line, `"name":"`+name+`"`) {
			continue
		}
		var record map[string]any
		if err := json.Unmarshal([]byte(strings.TrimSuffix(line, ",")), &record); err != nil {
			return "", err
		}
		bits, err := base64.StdEncoding.DecodeString(record["bits"].(string))
		if err != nil {
			return "", err
		}
		bits[0] ^= 1
		sum := sha256.Sum256(bits)
		line = strings.Replace(line, record["bits"].(string), base64.StdEncoding.EncodeToString(bits), 1)
		lines[i] = strings.Replace(line, record["sha256"].(string), hex.EncodeToString(sum[:]), 1)
		return strings.Join(lines, "\n"), nil
	}
	return "", fmt.Errorf("the baseline has no case %q", name)
}
