package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// browser is a tab of a headless Chromium that notes what a page must not do:
// write to the console, or ask for anything but itself.
type browser struct {
	t   *testing.T
	ctx context.Context

	mu       sync.Mutex
	problems []string // of the console
	requests []string
}

// openBrowser starts Chromium. Where there is none the test is skipped, but
// not in CI, which installs it.
func openBrowser(t *testing.T) *browser {
	t.Helper()
	if raceEnabled {
		t.Skip("the pages are the same without the race detector")
	}
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("no Chromium: .ci/run installs it (apt package chromium)")
		}
		t.Skip("no Chromium found (apt package chromium): the pages are not tested in a browser")
	}
	allocator, stop := chromedp.NewExecAllocator(t.Context(), append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox)...)
	ctx, cancel := chromedp.NewContext(allocator)
	timed, end := context.WithTimeout(ctx, 3*time.Minute)
	t.Cleanup(func() { end(); cancel(); stop() })
	b := &browser{t: t, ctx: timed}
	if err := chromedp.Listen(timed, b.listen); err != nil {
		t.Fatal(err)
	}
	call(b, network.Enable, network.EnableParams{})
	call(b, log.Enable, cdp.Empty{})
	call(b, runtime.Enable, cdp.Empty{})
	return b
}

func (b *browser) listen(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch event := event.(type) {
	case *runtime.EventConsoleAPICalled:
		b.problems = append(b.problems, fmt.Sprint("console: ", event.Type))
	case *runtime.EventExceptionThrown:
		b.problems = append(b.problems, fmt.Sprintf("exception: %s at line %d", event.ExceptionDetails.Text, event.ExceptionDetails.LineNumber))
	case *log.EventEntryAdded:
		b.problems = append(b.problems, "log: "+event.Entry.Text)
	case *network.EventRequestWillBeSent:
		if url := event.Request.URL; !strings.HasPrefix(url, "data:") {
			b.requests = append(b.requests, url)
		}
	}
}

// call runs a command of the protocol.
func call[P, R any](b *browser, command cdp.Command[P, R], params P) R {
	b.t.Helper()
	result, err := chromedp.Call(b.ctx, command, params)
	if err != nil {
		b.t.Fatal(err)
	}
	return result
}

func (b *browser) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		b.t.Fatal(err)
	}
}

// open loads a file in a window of a size.
func (b *browser) open(file string, width, height int64) {
	b.t.Helper()
	b.do(chromedp.EmulateViewport(width, height), chromedp.Navigate("file://"+file))
}

// quiet fails where the page wrote to the console or asked for more than its
// own file.
func (b *browser) quiet(file string) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, text := range b.problems {
		b.t.Error(text)
	}
	for _, url := range b.requests {
		if before, _, _ := strings.Cut(url, "#"); before != "file://"+file {
			b.t.Errorf("the page asked for %.80s", url)
		}
	}
	if len(b.requests) == 0 {
		b.t.Error("no request was seen, not even the page's")
	}
}

// eval runs a script in the page, also where the page's own are blocked.
func eval[T any](b *browser, script string) T {
	b.t.Helper()
	value, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](script))
	if err != nil {
		b.t.Fatal(err)
	}
	return value
}

// wants fails where a condition does not hold within a second or two.
func (b *browser) wants(what, condition string) {
	b.t.Helper()
	for range 100 {
		if eval[bool](b, condition) {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	b.t.Errorf("not so: %s (%s)", what, condition)
}

func (b *browser) scripts(allowed bool) {
	b.t.Helper()
	call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !allowed})
}

func (b *browser) scheme(name string) {
	b.t.Helper()
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}},
	})
}

// runInto runs the program in this process and gives its exit status.
func runInto(t *testing.T, want int, arguments ...string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if status := execute(t.Context(), arguments, &stdout, &stderr); status != want {
		t.Fatalf("%v: status %d, want %d: %s", arguments, status, want, stderr.String())
	}
}
