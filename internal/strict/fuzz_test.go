package strict_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"

	"tfcnn/internal/hostile"
	"tfcnn/internal/strict"
)

// FuzzObject splits any text as encoding/json does, except objects with repeated
// fields; both refuse the same texts.
func FuzzObject(f *testing.F) {
	for _, text := range []string{`{"a": 1, "b": [1, {"c": null}]}`, `{"a":1,"\u0061":2}`, "{\"a\"\n:\t1} 2", "{\"\xff\": \"\xfe\"}", `[{"a": 1e400}, -0.0, "b"]`, "\ufeff{}"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		limits := hostile.Limits{PerByte: 1000}
		checked := hostile.Read(t, "not JSON", len(text), limits, func() error { return strict.Check(text) })
		if checked == nil != json.Valid(text) && bytes.Equal(text, bytes.ToValidUTF8(text, nil)) {
			t.Errorf("encoding/json says %v, Check %v", json.Valid(text), checked)
		}
		var fields []strict.Field
		err := hostile.Read(t, "", len(text), limits, func() (err error) {
			fields, err = strict.Object(text)
			return err
		})
		var want map[string]json.RawMessage
		wantErr := json.Unmarshal(text, &want)
		if err == nil {
			got := map[string]json.RawMessage{}
			for _, f := range fields {
				got[f.Name] = f.Value
			}
			if wantErr != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("got %s, encoding/json %s, %v", got, want, wantErr)
			}
		}
		for _, f := range fields {
			values(t, f.Value)
		}
		values(t, text)
	})
}

// values compares the readers of one value with encoding/json.
func values(t *testing.T, text []byte) {
	limits := hostile.Limits{PerByte: 1000}
	_ = hostile.Read(t, "", len(text), limits, func() error {
		s, err := strict.String(text)
		if want := ""; err == nil && (json.Unmarshal(text, &want) != nil || s != want) {
			t.Errorf("String of %.80q is %q, encoding/json has %q", text, s, want)
		}
		return err
	})
	_ = hostile.Read(t, "", len(text), limits, func() error {
		list, err := strict.List(text)
		if want := []json.RawMessage(nil); err == nil && (json.Unmarshal(text, &want) != nil || !reflect.DeepEqual(list, want)) {
			t.Errorf("List of %.80q is %s, encoding/json has %s", text, list, want)
		}
		return err
	})
	// Callers of the next functions have checked that the text is JSON.
	if !json.Valid(text) {
		return
	}
	_ = hostile.Read(t, "", len(text), limits, func() error {
		n, err := strict.Int(text, -1000, 1000)
		if want := 0.0; err == nil && (json.Unmarshal(text, &want) != nil || float64(n) != want) {
			t.Errorf("Int of %.80q is %d, encoding/json has %g", text, n, want)
		}
		return err
	})
	_ = hostile.Read(t, "", len(text), limits, func() error {
		x, err := strict.Float(text, 32)
		if want := float32(0); err == nil && (json.Unmarshal(text, &want) != nil || float32(x) != want) {
			t.Errorf("Float of %.80q is %g, encoding/json has %g", text, x, want)
		}
		return err
	})
}
