// Somebody else's reading of a log: with Go's own implementation of signed notes and transparency logs (golang.org/x/mod/sumdb),
// which shares nothing with ours. The folder holds what was served, under its addresses.
package main

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type folder struct{ dir string }

func (folder) Height() int { return 8 }

// The go.sum database has the height in the address, C2SP does not.
func address(t tlog.Tile) string { return strings.Replace(t.Path(), "tile/8/", "tile/", 1) }

func (f folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, t := range tiles {
		data, err := os.ReadFile(filepath.Join(f.dir, address(t)))
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

func (folder) SaveTiles([]tlog.Tile, [][]byte) {}

func must[T any](t T, err error) T {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	return t
}

func main() {
	f := folder{os.Args[1]}
	read := func(name string) []byte { return must(os.ReadFile(filepath.Join(f.dir, name))) }
	verifier := must(note.NewVerifier(strings.TrimSpace(string(read("key")))))
	signed := must(note.Open(read("checkpoint"), note.VerifierList(verifier)))
	lines := strings.Split(signed.Text, "\n")
	if lines[0] != verifier.Name() {
		panic("the origin is not the key's name")
	}
	size := must(strconv.ParseInt(lines[1], 10, 64))
	var root tlog.Hash
	copy(root[:], must(base64.StdEncoding.DecodeString(lines[2])))
	tree := tlog.Tree{N: size, Hash: root}
	hashes := tlog.TileHashReader(tree, f)

	var entries [][]byte
	for n := int64(0); n*256 < size; n++ {
		t := tlog.Tile{H: 8, L: 0, N: n, W: 256}
		if size-n*256 < 256 {
			t.W = int(size - n*256)
		}
		data := read(strings.Replace(address(t), "tile/0/", "tile/entries/", 1))
		for len(data) > 0 {
			length := int(binary.BigEndian.Uint16(data))
			entries = append(entries, data[2:2+length])
			data = data[2+length:]
		}
	}
	if int64(len(entries)) != size {
		panic("not as many entries as were signed")
	}
	for n, entry := range entries {
		proof := must(tlog.ProveRecord(size, int64(n), hashes))
		if err := tlog.CheckRecord(proof, size, root, int64(n), tlog.RecordHash(entry)); err != nil {
			must(0, err)
		}
	}
	for old := int64(1); old <= size; old++ {
		then := must(tlog.TreeHash(old, hashes))
		proof := must(tlog.ProveTree(size, old, hashes))
		if err := tlog.CheckTree(proof, size, root, old, then); err != nil {
			must(0, err)
		}
	}
	fmt.Printf("%d entries are proved\n", size)
}
