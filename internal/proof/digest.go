package proof

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"tfcnn/internal/ir"
)

// FileDigest returns the sha256 of the file that write writes.
func FileDigest(write func(io.Writer) error) (string, error) {
	h := sha256.New()
	if err := write(h); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// digest returns a sha256 over the operation, its attributes and its operands. The
// name, the expectation and how the numbers were written do not count, nor do
// attributes that are 0, false or empty, so that an attribute which is added to
// an operation one day does not change the digests of today.
func (c Case) digest() (string, error) {
	text, err := attributesText(c.Op)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	fmt.Fprintf(h, "%s %s\n", c.Op.Kind(), text)
	for _, x := range c.Operands {
		fmt.Fprintln(h, strings.ReplaceAll(fmt.Sprint(x.Shape), " ", ",")) // FormatShape leaves out axes of long shapes
		if err := x.WriteNumbers(h); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// attributesText returns an operation's attributes. Attributes that the operation gets
// in later versions leave the text as it is where they have no value.
func attributesText(op ir.Op) ([]byte, error) {
	text, err := json.Marshal(op)
	var notFinite *json.UnsupportedValueError
	if errors.As(err, &notFinite) {
		return fmt.Appendf(nil, "%+v", op), nil
	}
	if err != nil {
		return nil, err
	}
	var attributes any
	if err := json.Unmarshal(text, &attributes); err != nil {
		return nil, err
	}
	// Maps are marshalled in the order of their keys.
	return json.Marshal(withoutZeros(attributes))
}

// withoutZeros drops an object's fields that are 0, false, "" or null, or objects
// that are empty then. Lists stay as they are.
func withoutZeros(value any) any {
	object, is := value.(map[string]any)
	if !is {
		return value
	}
	left := map[string]any{}
	for name, field := range object {
		field = withoutZeros(field)
		if inner, is := field.(map[string]any); is && len(inner) == 0 {
			continue
		}
		if field == nil || field == 0.0 || field == false || field == "" {
			continue
		}
		left[name] = field
	}
	return left
}
