"""The harmonic fill by a sparse direct solution (kernels/picture/harmonic_fill.h has the equation)."""
import numpy as np
import scipy.sparse
import scipy.sparse.linalg


def fill(picture, mask):
    """picture float64 [H, W, C], mask [H, W] (not 0: missing) -> the picture, each missing pixel the mean of its
    neighbours inside the picture."""
    missing = mask != 0
    index = np.cumsum(missing.ravel()).reshape(mask.shape) - 1  # the unknown of a missing pixel
    count = np.count_nonzero(missing)
    degree, right, pairs = np.zeros(count), np.zeros((count, picture.shape[-1])), []
    but_first, but_last, every = slice(1, None), slice(None, -1), slice(None)
    for here, there in (((but_first, every), (but_last, every)), ((but_last, every), (but_first, every)),
                        ((every, but_first), (every, but_last)), ((every, but_last), (every, but_first))):
        degree[index[here][missing[here]]] += 1
        from_known = missing[here] & ~missing[there]
        right[index[here][from_known]] += picture[there][from_known]
        between = missing[here] & missing[there]
        pairs.append(np.stack([index[here][between], index[there][between]]))
    rows, columns = np.concatenate(pairs, axis=1)
    neighbours = scipy.sparse.coo_matrix((np.ones(len(rows)), (rows, columns)), (count, count))
    filled = picture.copy()
    solution = scipy.sparse.linalg.spsolve((scipy.sparse.diags(degree) - neighbours).tocsc(), right)
    filled[missing] = solution.reshape(count, -1)
    return filled
