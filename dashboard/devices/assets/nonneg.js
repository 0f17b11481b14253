// How much of each corner makes a row, without anything negative? The one piece of mathematics that runs in the browser, because a
// corner that is dragged has to answer within a frame. A test compares it with nmfcore's nnls on random cases and on both rooms.

export const dot = (a, b) => a.reduce((sum, v, j) => sum + v * b[j], 0)

const MOST = 3 // corners in one mixture: the rows of a room span three dimensions, so a face of their cone has at most three rays
const SINGULAR = 1e-12 // of the largest diagonal entry: below it two rays are one
const GAIN = 1e-15 // a set of corners has to be better by more than rounding

/** w (r) >= 0 that minimises ||x - wH||, H (r, n) of rank 3 at most: every set of at most three corners is tried, the best kept. */
export function mix(H, x) {
  let best = { w: H.map(() => 0), left: dot(x, x) }
  for (let set = 1; set < 1 << H.length; set++) {
    const rays = H.map((_, k) => k).filter(k => (set >> k) & 1)
    if (rays.length > MOST) continue
    const w = solve(rays.map(a => rays.map(b => dot(H[a], H[b]))), rays.map(a => dot(H[a], x)))
    if (!w || w.some(v => v < 0)) continue
    const rest = x.map((v, j) => v - rays.reduce((sum, k, p) => sum + w[p] * H[k][j], 0)), left = dot(rest, rest)
    if (left < best.left - GAIN) best = { w: H.map((_, k) => (rays.includes(k) ? w[rays.indexOf(k)] : 0)), left }
  }
  return best
}

/** The best W for this H, and ||X - WH|| / ||X||. */
export function fit(H, X) {
  const found = X.map(x => mix(H, x)), sum = values => values.reduce((total, v) => total + v, 0)
  return { W: found.map(f => f.w), error: Math.sqrt(sum(found.map(f => f.left)) / sum(X.map(x => dot(x, x)))) }
}

/** Up to three equations by elimination with pivots; null where the corners are dependent. */
function solve(G, p) {
  const A = G.map((row, i) => [...row, p[i]]), n = A.length, scale = Math.max(...G.map((row, i) => row[i]))
  for (let c = 0; c < n; c++) {
    let top = c
    for (let i = c + 1; i < n; i++) if (Math.abs(A[i][c]) > Math.abs(A[top][c])) top = i
    if (Math.abs(A[top][c]) <= SINGULAR * scale) return null
    ;[A[c], A[top]] = [A[top], A[c]]
    for (let i = c + 1; i < n; i++) for (let f = A[i][c] / A[c][c], j = c; j <= n; j++) A[i][j] -= f * A[c][j]
  }
  const w = new Array(n).fill(0)
  for (let i = n - 1; i >= 0; i--) w[i] = (A[i][n] - A[i].slice(i + 1, n).reduce((s, v, j) => s + v * w[i + 1 + j], 0)) / A[i][i]
  return w
}

/** The convex hull of a few points, anticlockwise (Andrew 1979). */
export function outline(points) {
  if (points.length < 3) return points
  const cross = (o, a, b) => (a[0] - o[0]) * (b[1] - o[1]) - (a[1] - o[1]) * (b[0] - o[0])
  const chain = list => list.reduce((kept, p) => {
    while (kept.length > 1 && cross(kept.at(-2), kept.at(-1), p) <= 0) kept.pop()
    return [...kept, p]
  }, []).slice(0, -1)
  const sorted = [...points].sort((a, b) => a[0] - b[0] || a[1] - b[1])
  return [...chain(sorted), ...chain([...sorted].reverse())]
}
