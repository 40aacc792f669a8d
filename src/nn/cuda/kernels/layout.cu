// Moving activations without changing them.

#define SIDE 32

// (matrices, rows, columns) to (matrices, columns, rows), a square at a time: reads and writes both go along memory.
// Elements are moved alone, whatever V is.
extern "C" __global__ void transpose(const T* xs, T* ys, int rows, int columns) {
    __shared__ T square[SIDE][SIDE + 1]; // one more, so that a column lies in as many banks as a row
    unsigned matrix = blockIdx.z * (unsigned)rows * columns;
    int along = threadIdx.x % SIDE, across = threadIdx.x / SIDE;
    int left = blockIdx.x * SIDE, top = blockIdx.y * SIDE;
    for (int k = across; k < SIDE; k += BLOCK / SIDE)
        if (top + k < rows && left + along < columns)
            square[k][along] = xs[matrix + (unsigned)(top + k) * columns + left + along];
    __syncthreads();
    for (int k = across; k < SIDE; k += BLOCK / SIDE)
        if (left + k < columns && top + along < rows)
            ys[matrix + (unsigned)(left + k) * rows + top + along] = square[along][k];
}

// Copies `channels` channels of each pixel, from channel `from` of `xs` to channel `to` of `ys`: joins and slices channels.
extern "C" __global__ void copy_channels(
    const T* xs, T* ys, int count, int channels, int xs_channels, int from, int ys_channels, int to) {
    FOR_EACH(i, count / V) {
        unsigned pixel = i * V / channels, channel = i * V % channels;
        const T* at = xs + pixel * xs_channels + from + channel;
        *reinterpret_cast<Lanes*>(ys + pixel * ys_channels + to + channel) = *reinterpret_cast<const Lanes*>(at);
    }
}

// `ys` (images, out_height, out_width, channels) shows `xs` with its first pixel at (top, left), which may be negative, and
// zeros where there is none: pads and crops, and each is the other's backward pass.
extern "C" __global__ void frame(
    const T* xs, T* ys, int count, int height, int width, int channels, int out_height, int out_width, int top,
    int left) {
    FOR_EACH(i, count / V) {
        Place p = place(i, out_height, out_width, channels);
        int y = p.y - top, x = p.x - left;
        bool inside = y >= 0 && y < height && x >= 0 && x < width;
        Floats value = splat(0.0f);
        if (inside) value = load(xs + offset(p.image, y, x, p.channel, height, width, channels));
        store(ys + i * V, value);
    }
}
