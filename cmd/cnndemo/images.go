package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"tfcnn/cmd/cnndemo/internal/report"
	"tfcnn/graph/tensor"
	"tfcnn/internal/quote"
	"tfcnn/session/images"
	"tfcnn/testdata"
)

// source is an image that is not read yet.
type source struct {
	name string
	read func() ([]byte, error)
}

// namedImage is an image that is decoded, and resized where that was asked for:
// [1,H,W,3].
type namedImage struct {
	name string
	tensor.Tensor
}

// samplesName is the name of the samples in reports.
const samplesName = "scikit-learn's two sample images"

// samples are the two images that the program carries.
func samples() []source {
	var list []source
	for _, name := range []string{"china.jpg", "flower.jpg"} {
		list = append(list, source{name, func() ([]byte, error) { return testdata.Files.ReadFile("images/" + name) }})
	}
	return list
}

// isImageName reports whether a file of a folder of images is read.
func isImageName(name string) bool {
	return slices.Contains([]string{".jpg", ".jpeg", ".png"}, strings.ToLower(filepath.Ext(name)))
}

// findSources lists the images that the arguments name. Of a folder, files
// that are called like JPEG or PNG are taken, in the order of their names.
func findSources(arguments []string) (found []source, refused []report.Refused, notes []string) {
	if len(arguments) == 0 {
		return samples(), nil, []string{"no images named: " + samplesName}
	}
	for _, path := range arguments {
		info, err := os.Stat(path)
		if err != nil {
			refused = append(refused, report.Refused{Image: path, Reason: reason(err)})
			continue
		}
		if !info.IsDir() {
			found = append(found, source{path, func() ([]byte, error) { return readInput(path, maxImageFile) }})
			continue
		}
		entries, err := os.ReadDir(path)
		if err != nil {
			refused = append(refused, report.Refused{Image: path, Reason: reason(err)})
			continue
		}
		others, before := 0, len(found)
		for _, entry := range entries {
			if entry.IsDir() || !isImageName(entry.Name()) {
				others++
				continue
			}
			name := filepath.Join(path, entry.Name())
			found = append(found, source{name, func() ([]byte, error) { return readEntry(name) }})
		}
		if others > 0 {
			notes = append(notes, fmt.Sprintf("%s: %d entries are not called .jpg, .jpeg or .png and are left out", quote.Plain(path), others))
		}
		if len(found) == before {
			refused = append(refused, report.Refused{Image: path, Reason: "folder holds no .jpg, .jpeg or .png"})
		}
	}
	return found, refused, notes
}

// readEntry reads an image of a folder. A pipe is left alone: a command that
// was given a folder does not wait.
func readEntry(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("is no regular file")
	}
	if err != nil {
		return nil, err
	}
	return readInput(path, maxImageFile)
}

// reason is an error's text without the path, which is named before it.
func reason(err error) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	var of *images.Error
	if errors.As(err, &of) {
		return of.Err.Error()
	}
	return err.Error()
}

// decoded is the result of decoding a source: an image, or the reason why there is
// none.
type decoded struct {
	namedImage
	notes   []string
	refused error
}

// decodeAll decodes the queue's sources with all cores, some at a time, and calls
// take for each, in order.
func decodeAll(ctx context.Context, d *images.Decoder, q *queue, take func(decoded) error) error {
	for {
		some, err := q.nextFiles(ctx)
		if len(some) == 0 || err != nil {
			return err
		}
		results := make([]decoded, len(some))
		var group errgroup.Group
		group.SetLimit(runtime.GOMAXPROCS(0))
		for i, o := range some {
			group.Go(func() error {
				if ctx.Err() == nil {
					results[i] = decodeOne(d, o)
				}
				return ctx.Err()
			})
		}
		if err := group.Wait(); err != nil {
			return err
		}
		for i, r := range results {
			results[i] = decoded{} // its numbers are freed after take
			if err := take(r); err != nil {
				return err
			}
		}
	}
}

func decodeOne(d *images.Decoder, o *sourceFile) decoded {
	result := decoded{namedImage: namedImage{name: o.name}, refused: o.refused}
	if o.refused != nil {
		return result
	}
	result.Tensor, result.notes, result.refused = d.DecodeOne(o.file, nil)
	o.file = nil
	return result
}
