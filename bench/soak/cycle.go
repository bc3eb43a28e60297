package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/internal/proof"
	"tfcnn/session"
)

// cycle opens, runs and closes a network that no other cycle has, and has one
// more Open refused.
func (e *engine) cycle(ctx context.Context, i int) error {
	net, batch := passing(i)
	weights := net.InitialWeights(uint64(i))
	way := refusedOpens[i%len(refusedOpens)]
	if err := way.open(net, maps.Clone(weights)); err != nil {
		return fmt.Errorf("%s: %w", way.name, err)
	}
	s, err := session.Open(net, weights, e.Options)
	if err != nil {
		return err
	}
	answer, err := s.Run(ctx, batch)
	if err != nil {
		return errors.Join(err, s.Close())
	}
	switch i % 3 {
	case 0:
		err = errors.Join(referred(ctx, net, weights, batch, answer), s.Close())
	case 1:
		err = closeInRuns(ctx, s, batch, answer)
	case 2:
		err = closeAfterCancel(ctx, s, batch)
	}
	if err != nil {
		return err
	}
	if _, err := s.Run(ctx, batch); !errors.Is(err, session.ErrClosed) {
		return fmt.Errorf("run after close: got %v, want ErrClosed", err)
	}
	return nil
}

// referred compares an answer with the reference.
func referred(ctx context.Context, net graph.Network, weights graph.Weights, batch, answer tensor.Tensor) error {
	lowered, err := graph.Lower(net)
	if err != nil {
		return err
	}
	last := lowered.Layers[lowered.Outputs[0]].Last
	network := proof.Network{Lowered: lowered, Weights: weights}
	parts, err := network.Compare(ctx, proof.Run{Input: batch, Steps: []int{last}, Outputs: []tensor.Tensor{answer}}, nil)
	if err != nil {
		return err
	}
	if v := parts[0].Verdict; !v.OK() {
		return fmt.Errorf("against the reference: %v", v)
	}
	return nil
}

// closeInRuns closes a session while goroutines run it: each gets the answer
// or ErrClosed.
func closeInRuns(ctx context.Context, s *session.Session, batch, answer tensor.Tensor) error {
	var group sync.WaitGroup
	const goroutines = 4
	errs := make([]error, goroutines)
	for g := range goroutines {
		group.Go(func() {
			for {
				got, err := s.Run(ctx, batch)
				if errors.Is(err, session.ErrClosed) {
					return
				}
				if equal, at := tensor.Equal(got, answer); err == nil && !equal {
					err = fmt.Errorf("number %d differs from the first answer", at)
				}
				if err != nil {
					errs[g] = err
					return
				}
			}
		})
	}
	time.Sleep(2 * time.Millisecond) // for some runs to be in TensorFlow; nothing depends on it
	err := s.Close()
	group.Wait()
	return errors.Join(append(errs, err)...)
}

// closeAfterCancel closes a session twice at once while a run goes on whose ctx has
// ended.
func closeAfterCancel(ctx context.Context, s *session.Session, batch tensor.Tensor) error {
	ended, cancel := context.WithTimeout(ctx, 50*time.Microsecond)
	defer cancel()
	if _, err := s.Run(ended, batch); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return errors.Join(err, s.Close())
	}
	var group sync.WaitGroup
	errs := make([]error, 2)
	for g := range errs {
		group.Go(func() { errs[g] = s.Close() })
	}
	group.Wait()
	return errors.Join(errs...)
}
