package archive

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"

	"github.com/flowcorr/flowcorr/internal/wholefile"
)

// look lists the archive and reads what is new or changed, to know what it is.
func (a *archive) look(ctx context.Context) error {
	own, err := filepath.Abs(a.opt.Out)
	if err != nil {
		return err
	}
	if real, err := filepath.EvalSymlinks(own); err == nil {
		own = real
	}
	a.files = list(a.opt.Paths, own)
	known := a.knownFiles()
	var fresh []*File
	for _, f := range a.files {
		if f.Outcome != "" {
			continue
		}
		if k := known[f.Path]; k != nil && k.Size == f.Size && k.Changed == f.Changed && k.SHA256 != "" {
			open := f.open
			*f = *k
			f.open = open
			if f.Outcome == Copy {
				f.Outcome, f.Reason = Done, ""
			}
			continue
		}
		fresh = append(fresh, f)
	}
	a.scanAll(ctx, fresh)
	if err := ctx.Err(); err != nil {
		return err
	}
	first := map[string]*File{}
	for _, f := range a.files {
		if f.SHA256 == "" || f.Outcome == Failed {
			continue
		}
		if o := first[f.SHA256]; o != nil {
			f.Outcome, f.Reason = Copy, "the same, byte by byte, as "+o.Path
		} else {
			first[f.SHA256] = f
		}
	}
	a.namePoints()
	return a.saveFiles()
}

// scanAll scans files, some at a time.
func (a *archive) scanAll(ctx context.Context, fresh []*File) {
	_ = each(a.opt.Jobs, len(fresh), func(i int) error {
		if ctx.Err() == nil {
			fresh[i].scan(ctx, a.opt.Unpack)
			a.opt.Progress(Step{"scan", fresh[i].Size, 1, len(fresh)})
		}
		return nil
	})
}

func (a *archive) knownFiles() map[string]*File {
	var kept struct {
		Schema string
		Files  []*File
	}
	known := map[string]*File{}
	b, err := os.ReadFile(filepath.Join(a.index(), "files.json"))
	if err != nil || json.Unmarshal(b, &kept) != nil || kept.Schema != schema {
		return known // everything is read anew
	}
	for _, f := range kept.Files {
		known[f.Path] = f
	}
	return known
}

func (a *archive) saveFiles() error {
	return writeJSON(filepath.Join(a.index(), "files.json"), struct {
		Schema string
		Files  []*File
	}{schema, a.files})
}

// saveOutcomes tells beside the tables what became of every file.
func (a *archive) saveOutcomes() error {
	files := make([]File, len(a.files))
	for i, f := range a.files {
		files[i] = *f
		files[i].Blocks, files[i].Sight, files[i].Undated = nil, nil, nil // they serve the index alone
	}
	if a.opt.Redact != nil {
		if err := a.opt.Redact.Files(files); err != nil {
			return err
		}
	}
	return wholefile.Write(filepath.Join(a.opt.Out, "files.jsonl"), rowMode, func(w io.Writer) error { return writeLines(w, files) })
}
