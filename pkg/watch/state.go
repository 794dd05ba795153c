package watch

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/flowcorr/flowcorr/internal/wholefile"
)

// state is what outlives a run.
type state struct {
	Schema string              `json:"schema"`
	Logs   map[string]logState `json:"logs"` // by path
	Told   map[string]int64    `json:"told"` // of certain
	Clock  reading             `json:"clock"`

	held map[string]*held // files in the evidence as they are, by name there
}

// logState is how far one log was read, and what its spool held then.
type logState struct {
	Name     string     `json:"name"` // in the evidence folder
	Position position   `json:"position"`
	Past     []position `json:"past,omitempty"`
	Base     int        `json:"base"`
	Spooled  int64      `json:"spooled"`
}

const (
	stateFile   = "state.json"
	stateSchema = "flowcorr.watch/1"
)

// ErrBusy says that another run uses the state folder.
var ErrBusy = errors.New("another flowcorr watch uses this folder")

// restore reads the state of the run before; an empty one where there was none.
func restore(folder string) (*state, error) {
	s := &state{}
	b, err := os.ReadFile(filepath.Join(folder, stateFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, err
	default:
		if err := json.Unmarshal(b, s); err != nil || s.Schema != stateSchema {
			return nil, fmt.Errorf("%s is not a state of this version of flowcorr watch: remove the folder to begin anew", filepath.Join(folder, stateFile))
		}
	}
	s.Schema = stateSchema
	if s.Logs == nil {
		s.Logs = map[string]logState{}
	}
	if s.Told == nil {
		s.Told = map[string]int64{}
	}
	s.held = map[string]*held{}
	return s, nil
}

// tidy takes out of the evidence what an earlier run put there and this one
// does not go on with: captures are linked anew, as far as they still count.
func (s *state) tidy(folder string) error {
	spools := map[string]bool{}
	for _, l := range s.Logs {
		spools[l.Name] = true
	}
	top := filepath.Join(folder, evidenceFolder)
	return filepath.WalkDir(top, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		rel, err := filepath.Rel(top, path)
		if err != nil || spools[filepath.ToSlash(rel)] {
			return err
		}
		return os.Remove(path)
	})
}

// save notes the state for the next run; there is always a whole one.
func (s *state) save(folder string) error {
	b, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return wholefile.Write(filepath.Join(folder, stateFile), 0o600, func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	})
}

// note is what the state keeps of a log.
func (l *followedLog) note() logState {
	return logState{Name: l.name, Position: l.at, Past: l.past, Base: l.spool.base, Spooled: l.spool.size - int64(len(l.spool.wait))}
}
