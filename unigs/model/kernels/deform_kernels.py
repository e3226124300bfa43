"""Numba kernels of the deformation network, used by `deform` and by playback's network.

Points are the vector axis: 128 at a time go through all layers while they are in the first- and
second-level cache. A block of values is stored as rows of 128 points, row after row, in a flat
array; "row r of a block at x0" is x[x0 + 128 r : x0 + 128 r + 128]. All row counts are multiples of
four, padded with zeros.

Sums over points (the gradients of weights) are kept per chunk of CHUNK blocks and added up
afterwards, so that they do not depend on the number of threads, to the bit.
"""

import numpy as np

from unigs.compute.jit import kernel

BLOCK = 128
"""Points that go through all layers together: one row of a block of values. The gradients of the
weights add up a row to one number, which costs as much for 64 points as for 128 (docs/log.md)."""
CHUNK = 8
"""Blocks whose sums over points are added up in one place."""
WIDTH_STEP = 8
"""The width of the hidden layers is a multiple of this."""
_F = np.float32
_U = np.uint64


@kernel
def layer(weight, x, x0, inputs, y, y0, outputs):
    """Add weight [outputs,inputs] times the rows at x0 to the rows at y0.

    Four outputs and four inputs share each pass, so most operands stay in registers (docs/log.md).
    """
    for k in range(0, outputs, 4):
        t0 = y0 + _U(k * BLOCK)
        t1 = t0 + _U(BLOCK)
        t2 = t1 + _U(BLOCK)
        t3 = t2 + _U(BLOCK)
        for i in range(0, inputs, 4):
            a0, a1, a2, a3 = weight[k, i], weight[k, i + 1], weight[k, i + 2], weight[k, i + 3]
            j = k + 1
            b0, b1, b2, b3 = weight[j, i], weight[j, i + 1], weight[j, i + 2], weight[j, i + 3]
            j = k + 2
            c0, c1, c2, c3 = weight[j, i], weight[j, i + 1], weight[j, i + 2], weight[j, i + 3]
            j = k + 3
            d0, d1, d2, d3 = weight[j, i], weight[j, i + 1], weight[j, i + 2], weight[j, i + 3]
            o = x0 + _U(i * BLOCK)
            for p in range(BLOCK):
                v0 = x[o + _U(p)]
                v1 = x[o + _U(p + BLOCK)]
                v2 = x[o + _U(p + 2 * BLOCK)]
                v3 = x[o + _U(p + 3 * BLOCK)]
                y[t0 + _U(p)] += a0 * v0 + a1 * v1 + a2 * v2 + a3 * v3
                y[t1 + _U(p)] += b0 * v0 + b1 * v1 + b2 * v2 + b3 * v3
                y[t2 + _U(p)] += c0 * v0 + c1 * v1 + c2 * v2 + c3 * v3
                y[t3 + _U(p)] += d0 * v0 + d1 * v1 + d2 * v2 + d3 * v3


@kernel
def _outer(x, x0, rows, y, y0, columns, sums):
    """Add the products of the rows at x0 and at y0, summed over the points, to sums [rows,columns].

    Two by four sums at a time: they and their operands fill the registers.
    """
    for a in range(0, rows, 2):
        p0 = x0 + _U(a * BLOCK)
        p1 = p0 + _U(BLOCK)
        for b in range(0, columns, 4):
            q0 = y0 + _U(b * BLOCK)
            q1 = q0 + _U(BLOCK)
            q2 = q1 + _U(BLOCK)
            q3 = q2 + _U(BLOCK)
            s0 = s1 = s2 = s3 = t0 = t1 = t2 = t3 = _F(0)
            for p in range(BLOCK):
                u, v = x[p0 + _U(p)], x[p1 + _U(p)]
                y0p, y1p, y2p, y3p = y[q0 + _U(p)], y[q1 + _U(p)], y[q2 + _U(p)], y[q3 + _U(p)]
                s0 += u * y0p
                s1 += u * y1p
                s2 += u * y2p
                s3 += u * y3p
                t0 += v * y0p
                t1 += v * y1p
                t2 += v * y2p
                t3 += v * y3p
            sums[a, b] += s0
            sums[a, b + 1] += s1
            sums[a, b + 2] += s2
            sums[a, b + 3] += s3
            sums[a + 1, b] += t0
            sums[a + 1, b + 1] += t1
            sums[a + 1, b + 2] += t2
            sums[a + 1, b + 3] += t3


@kernel
def fill(values, y, y0, rows):
    """Set row k at y0 to values[k]."""
    for k in range(rows):
        o = y0 + _U(k * BLOCK)
        for p in range(BLOCK):
            y[o + _U(p)] = values[k]


@kernel
def rectify(y, y0, rows):
    """Replace the rows at y0 by max(rows, 0)."""
    for k in range(rows * BLOCK):
        v = y[y0 + _U(k)]
        y[y0 + _U(k)] = _F(0) if v <= _F(0) else v  # a NaN stays one, and is seen


@kernel
def _load(source, n0, n, y, y0):
    """Copy columns n0 .. n0+n of source [rows,N] to rows at y0; zeros fill the rest of a row."""
    for k in range(source.shape[0]):
        o = y0 + _U(k * BLOCK)
        for p in range(n):
            y[o + _U(p)] = source[_U(k), _U(n0 + p)]
        for p in range(n, BLOCK):
            y[o + _U(p)] = _F(0)


@kernel
def _mask(y, y0, h, h0, rows):
    """Set the rows at y0 to zero where the rows at h0 are: the gradient of `rectify`."""
    for k in range(rows * BLOCK):
        y[y0 + _U(k)] = _F(0) if h[h0 + _U(k)] <= _F(0) else y[y0 + _U(k)]


@kernel
def _row_sums(y, y0, rows, sums):
    """Add the sum of each row at y0 to sums [rows]."""
    for k in range(rows):
        o = y0 + _U(k * BLOCK)
        total = _F(0)
        for p in range(BLOCK):
            total += y[o + _U(p)]
        sums[k] += total


@kernel
def _gated(gate, n0, n, x, x0, y, y0, rows):
    """Add the rows at x0, times gate [N] of their points, to the rows at y0."""
    for k in range(rows):
        o = _U(k * BLOCK)
        for p in range(n):
            y[y0 + o + _U(p)] += gate[_U(n0 + p)] * x[x0 + o + _U(p)]


@kernel
def forward_blocks(start, stop, features, first, gates, used, bias, w2, b2, w3, b3, hidden, out):
    """The network on blocks start..stop.

    K is the number of outputs, S that number padded to a multiple of four.

    Args:
        start: first block.
        stop: block after the last.
        features: tuple of [F_k,N], one per part.
        first: tuple of [H+G_k*S,F_k], F_k padded: the first layer, then the part's linear shapes.
        gates: factors of the parts' linear shapes [parts,G,N].
        used: whether a part has features other than zero in a block, bool [parts,blocks].
        bias: bias of the first layer [H], the frame's conditions included.
        w2: weights of the second layer [H,H].
        b2: bias of the second layer [H].
        w3: weights of the last layer [S,H].
        b3: bias of the last layer [S].
        hidden: receives both hidden layers [blocks, 2*H*128], for `backward_blocks`.
        out: receives the outputs [N,K].
    """
    width, outputs = len(b2), len(b3)
    most = 0
    for part in first:
        most = max(most, part.shape[1])
    shapes = _U(most * BLOCK)
    sums = shapes + _U(outputs * BLOCK)
    s = np.zeros((most + 2 * outputs) * BLOCK, np.float32)
    h1, h2 = _U(0), _U(width * BLOCK)
    for block in range(start, stop):
        n0 = block * BLOCK
        n = min(BLOCK, out.shape[0] - n0)
        h = hidden[block]
        fill(bias, h, h1, width)
        fill(b3, s, sums, outputs)
        for k in range(len(features)):
            if not used[k, block]:
                continue
            columns = first[k].shape[1]
            s[: columns * BLOCK] = _F(0)
            _load(features[k], n0, n, s, _U(0))
            layer(first[k][:width], s, _U(0), columns, h, h1, width)
            for j in range((first[k].shape[0] - width) // outputs):
                s[shapes:sums] = _F(0)
                rows = first[k][width + j * outputs : width + (j + 1) * outputs]
                layer(rows, s, _U(0), columns, s, shapes, outputs)
                _gated(gates[k, j], n0, n, s, shapes, s, sums, outputs)
        rectify(h, h1, width)
        fill(b2, h, h2, width)
        layer(w2, h, h1, width, h, h2, width)
        rectify(h, h2, width)
        layer(w3, h, h2, width, s, sums, outputs)
        for p in range(n):
            for k in range(out.shape[1]):
                out[_U(n0 + p), _U(k)] = s[sums + _U(k * BLOCK + p)]


@kernel
def backward_blocks(
    start, stop, features, first_t, gates, used, w2_t, w3_t, hidden, grad, to_features, to_first,
    to_rest,
):  # fmt: skip
    """Gradients of the network on chunks start..stop.

    Args:
        start: first chunk.
        stop: chunk after the last.
        features: tuple of [F_k,N], one per part.
        first_t: transposed first layers and linear shapes, tuple of [F_k,H+G_k*S].
        gates: factors of the parts' linear shapes [parts,G,N].
        used: whether a part has features other than zero in a block, bool [parts,blocks].
        w2_t: transposed weights of the second layer [H,H].
        w3_t: transposed weights of the last layer [H,S].
        hidden: both hidden layers, as `forward_blocks` wrote them.
        grad: gradient of the output [N,K].
        to_features: receives the gradients of the features, tuple of [F_k,N]; zeros where a part is
            not used.
        to_first: gradients of the first layers are added here, tuple of [chunks,H+G_k*S,F_k].
        to_rest: gradients of w2 [H,H], w3 [S,H] and the biases [H], [H], [S] are added here, each
            with a first dimension of chunks.
    """
    to_w2, to_w3, to_bias, to_b2, to_b3 = to_rest
    width, outputs = w3_t.shape
    most = 0
    for part in first_t:
        most = max(most, part.shape[0])
    # Rows: of the output, of the second and first hidden layer, of the gated shapes, of a part.
    g, d2 = _U(0), _U(outputs * BLOCK)
    d1 = d2 + _U(width * BLOCK)
    shaped = d1 + _U(width * BLOCK)
    f = shaped + _U(gates.shape[1] * outputs * BLOCK)
    df = f + _U(most * BLOCK)
    s = np.zeros(df + _U(most * BLOCK), np.float32)
    h1, h2 = _U(0), _U(width * BLOCK)
    for block in range(start * CHUNK, min(stop * CHUNK, len(hidden))):
        chunk = block // CHUNK
        n0 = block * BLOCK
        n = min(BLOCK, grad.shape[0] - n0)
        h = hidden[block]
        s[:f] = _F(0)
        _load(grad.T, n0, n, s, g)
        layer(w3_t, s, g, outputs, s, d2, width)
        _mask(s, d2, h, h2, width)
        layer(w2_t, s, d2, width, s, d1, width)
        _mask(s, d1, h, h1, width)
        _outer(s, g, outputs, h, h2, width, to_w3[chunk])
        _outer(s, d2, width, h, h1, width, to_w2[chunk])
        _row_sums(s, d1, width, to_bias[chunk])
        _row_sums(s, d2, width, to_b2[chunk])
        _row_sums(s, g, outputs, to_b3[chunk])
        for k in range(len(features)):
            if not used[k, block]:
                to_features[k][:, n0 : n0 + n] = _F(0)
                continue
            columns, rows = first_t[k].shape
            s[f:] = _F(0)
            _load(features[k], n0, n, s, f)
            for j in range((rows - width) // outputs):
                at = shaped + _U(j * outputs * BLOCK)
                s[at : at + _U(outputs * BLOCK)] = _F(0)
                _gated(gates[k, j], n0, n, s, g, s, at, outputs)
            layer(first_t[k], s, d1, rows, s, df, columns)
            _outer(s, d1, rows, s, f, columns, to_first[k][chunk])
            for c in range(features[k].shape[0]):
                for p in range(n):
                    to_features[k][_U(c), _U(n0 + p)] = s[df + _U(c * BLOCK + p)]
