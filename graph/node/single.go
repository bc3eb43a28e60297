package node

import (
	"tfcnn/graph"
	"tfcnn/internal/ir"
	"tfcnn/internal/nodes"
)

func init() { nodes.Operation = buildOperation }

func paddingOf(p graph.Padding) ir.Padding {
	return ir.Padding{Kind: ir.PaddingKind(p.Kind), Top: p.Top, Bottom: p.Bottom, Left: p.Left, Right: p.Right}
}
