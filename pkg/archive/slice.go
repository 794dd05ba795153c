// Package archive analyses archives of captures and logs too large to be looked
// at in one piece: slice by slice, resumable at any instant, with rows and
// trends as its result.
package archive

import (
	"context"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
	"github.com/flowcorr/flowcorr/pkg/report/trend"
	"github.com/flowcorr/flowcorr/pkg/unpack"
)

// origin is where in the archive a packet stands.
type origin struct {
	File  string `json:"file"`
	Frame int    `json:"frame"`
}

// input is one file of the folder that a slice is analysed in.
type input struct {
	point   string   // of a capture
	file    string   // of the archive; "" where origins tell
	shift   int      // frames of the file before the part that is here
	origins []origin // of each frame, of packets carried over
}

// bench is the folder that a slice is analysed in: links to files of the
// archive, parts cut out of large ones, and what was carried over.
type bench struct {
	folder string
	inputs map[string]*input // by name in the folder
}

// place tells where in the archive a frame of the folder stands; frame 0: only
// the file is asked for.
func (b *bench) place(name string, frame int) (string, int) {
	in := b.inputs[name]
	switch {
	case in == nil:
		return name, frame
	case len(in.origins) > 0:
		o := in.origins[max(0, min(frame, len(in.origins))-1)]
		return o.File, o.Frame
	case frame > 0:
		frame += in.shift
	}
	return in.file, frame
}

func (b *bench) point(name string) string {
	if in := b.inputs[name]; in != nil {
		return in.point
	}
	return ""
}

// lay puts the files of a slice into the folder.
func (a *archive) lay(s *slicePlan, carried []carriedFile) (*bench, error) {
	b := &bench{folder: filepath.Join(a.work(), "in"), inputs: map[string]*input{}}
	if err := os.RemoveAll(b.folder); err != nil {
		return nil, err
	}
	for _, c := range carried {
		name := path.Join(c.Folder, ".carried-"+c.Point+".pcapng")
		if err := link(c.open, filepath.Join(b.folder, filepath.FromSlash(name))); err != nil {
			return nil, err
		}
		b.inputs[name] = &input{point: c.Point, origins: c.Origins}
	}
	for i := range s.parts {
		p := &s.parts[i]
		target := filepath.Join(b.folder, filepath.FromSlash(p.file.Path))
		b.inputs[p.file.Path] = &input{point: a.plan.point[p.file], file: p.file.Path, shift: p.from - 1}
		var err error
		if p.whole() {
			err = link(p.file.open, target)
		} else {
			err = a.cutter.cut(p, target, a.opt.Unpack)
		}
		if err != nil {
			return nil, err
		}
	}
	for _, f := range s.logs {
		b.inputs[f.Path] = &input{file: f.Path}
		if err := link(f.open, filepath.Join(b.folder, filepath.FromSlash(f.Path))); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// link makes target another name of a file.
func link(file, target string) error {
	abs, err := filepath.Abs(file)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o700); err != nil {
		return err
	}
	if err := os.Symlink(abs, target); err != nil {
		return os.Link(abs, target) // where symbolic links need a privilege
	}
	return nil
}

// cutter writes runs of packets of large captures as files of their own. It
// goes on where it was: a file is read once, whatever its number of parts.
type cutter struct {
	file *File
	set  *capture.Set
	next int // frame that comes next
}

func (c *cutter) close() {
	if c.set != nil {
		c.set.Close()
		c.set = nil
	}
}

func (c *cutter) cut(p *part, target string, bounds unpack.Options) error {
	if c.set == nil || c.file != p.file || c.next != p.from {
		c.close()
		c.set = capture.NewSet([]capture.File{{Name: p.file.Path, Open: func() (io.ReadCloser, error) { return unpack.Open(p.file.open, bounds) }}}, capture.Options{})
		c.file, c.next = p.file, 1
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o700); err != nil {
		return err
	}
	out, err := os.Create(target)
	if err != nil {
		return err
	}
	defer out.Close()
	// Interfaces of several sections may still come: told in time or not at all.
	w := capture.NewWriter(out, false)
	var packet capture.Packet
	for c.next < p.to {
		if err := c.set.Next(&packet); err != nil {
			break // shorter than when it was scanned: the end is the end
		}
		if c.next = packet.Frame + 1; packet.Frame < p.from {
			continue
		}
		if err := w.Packet(&packet, c.set.Interfaces(), ""); err != nil {
			return err
		}
	}
	return w.Close()
}

// analyse looks at one slice, and writes what must be carried into the next one
// to folder.
func (a *archive) analyse(ctx context.Context, s *slicePlan, before *carry, folder string) (*trend.Rows, *carry, error) {
	b, err := a.lay(s, before.Files)
	if err != nil {
		return nil, nil, err
	}
	read := a.opt.Read
	read.Point, read.Frames, read.Unpack = b.point, true, a.opt.Unpack
	inc, err := incident.Read(ctx, []string{b.folder}, read)
	if ctx.Err() != nil {
		return nil, nil, ctx.Err()
	}
	if err != nil && len(s.parts) > 0 {
		return nil, nil, fmt.Errorf("slice that begins with %s: %w", s.parts[0].file.Path, err)
	}
	c := correlate.Correlate(inc, a.opt.Link)
	r, err := a.opt.Report(ctx, c)
	if err != nil {
		return nil, nil, err
	}
	x := newEdges(c, b, s, before)
	rows := trend.RowsOf(r, trend.Choice{Told: func(id string) bool { return x.told[id] }, Apart: x.partial, Place: b.place, Point: b.point})
	after, err := x.carry(b, folder, a.opt.Unpack)
	return rows, after, err
}
