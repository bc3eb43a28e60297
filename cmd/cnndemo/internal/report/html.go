package report

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"image/color"
	"io"
	"strings"
	"sync"

	"tfcnn/internal/proof"
	"tfcnn/internal/quote"
)

//go:embed page
var pageFiles embed.FS

// assets are a page's fixed parts.
type assets struct {
	templates *template.Template
	css       template.CSS
	js        template.JS
	policy    string
}

// loadAssets reads the templates once. The policy lets a page run its own
// script and style and nothing else, and load nothing.
var loadAssets = sync.OnceValues(func() (assets, error) {
	var a assets
	css, err := pageFiles.ReadFile("page/page.css")
	if err != nil {
		return a, fmt.Errorf("report: page: %w", err)
	}
	drawing, err := pageFiles.ReadFile("page/drawing.css")
	if err != nil {
		return a, fmt.Errorf("report: page: %w", err)
	}
	profile, err := pageFiles.ReadFile("page/profile.css")
	if err != nil {
		return a, fmt.Errorf("report: page: %w", err)
	}
	js, err := pageFiles.ReadFile("page/page.js")
	if err != nil {
		return a, fmt.Errorf("report: page: %w", err)
	}
	a.css = template.CSS(string(css) + string(drawing) + string(profile) + scaleRule())
	a.js = template.JS(js)
	hash := func(text string) string {
		sum := sha256.Sum256([]byte(text))
		return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	a.policy = fmt.Sprintf("default-src 'none'; img-src data:; style-src %s; script-src %s; base-uri 'none'; form-action 'none'",
		hash(string(a.css)), hash(string(a.js)))
	a.templates, err = template.New("page").Funcs(template.FuncMap{
		"grouped":     func(n int) string { return grouped(n) },
		"device":      func(name string) string { return strings.TrimPrefix(name, "/device:") },
		"grouped64":   func(n int64) string { return grouped(n) },
		"count":       func(n int, what string) string { return count(n, what) },
		"decimal":     decimal,
		"figures":     figures,
		"duration":    duration,
		"bytes":       Bytes,
		"by":          func(sizes []int) string { return by(sizes...) },
		"by2":         byOrNone,
		"meter":       meter,
		"statusClass": statusClass,
		"words":       strings.Fields,
	}).ParseFS(pageFiles, "page/*.html")
	if err != nil {
		return a, fmt.Errorf("report: page: %w", err)
	}
	return a, nil
})

// scaleRule is the style of the colour bars, which goes through the colours
// of the maps.
func scaleRule() string {
	const stops = 16
	var list []string
	for i := range stops + 1 {
		c := colours[i*(len(colours)-2)/stops].(color.RGBA)
		list = append(list, fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B))
	}
	return ".scale{background:linear-gradient(to right," + strings.Join(list, ",") + ")}\n"
}

func statusClass(s proof.Status) string {
	return strings.ReplaceAll(string(s), " ", "-")
}

// frame is the part that every page has.
type frame struct {
	CSS     template.CSS
	JS      template.JS
	Policy  string
	Title   string
	Command string // of cnndemo
	Heading string
	Verdict verdictView
	Facts   []fact
	Nav     []link
}

type (
	fact struct {
		Name, Value string
		Code        bool
	}
	link        struct{ To, Text string }
	verdictView struct{ Class, Headline, Sentence string }
)

// render executes a template; it is whole in memory, without the images. What
// names from outside have in them that cannot be printed is escaped.
func render(name string, fill func(a assets) any) ([]byte, error) {
	a, err := loadAssets()
	if err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	if err := a.templates.ExecuteTemplate(&buf, name, fill(a)); err != nil {
		return nil, fmt.Errorf("report: page: %w", err)
	}
	return []byte(quote.Lines(buf.String())), nil
}

// Write writes the page of a run. The verdicts in it tell where the rings
// belong, so that it comes last.
func (p *Page) Write(w io.Writer, run Run) error {
	if len(run.Sizes) == 0 {
		return errors.New("report: page: the run has no images")
	}
	text, err := render("run", func(a assets) any { return p.view(a, run) })
	if err != nil {
		return err
	}
	return p.parts.splice(w, text)
}

func onOff(on *bool) string {
	switch {
	case on == nil:
		return "not known"
	case *on:
		return "on"
	}
	return "off"
}

// WriteVerification writes the page of a verification.
func WriteVerification(w io.Writer, v Verification) error {
	drawing := ""
	if v.Drawing != nil {
		var err error
		if drawing, err = v.Drawing.Inline(); err != nil {
			return err
		}
	}
	text, err := render("verify", func(a assets) any {
		page := verificationView(a, v)
		if drawing != "" {
			page.Drawing = template.HTML(drawing)
			page.Nav = append(page.Nav, link{"#network", "The network"})
		}
		return page
	})
	if err != nil {
		return err
	}
	if _, err := w.Write(text); err != nil {
		return fmt.Errorf("report: page: %w", err)
	}
	return nil
}
