/* Decompresses .gnu_debugdata by liblzma, piece by piece. */
// SPDX-License-Identifier: BSD-2-Clause
#include "symbolize/debug_data.h"

#include <errno.h>
#include <lzma.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

enum {
	DECODER_BYTES_MAX = 128 << 20, /* its dictionary; xz -9 needs 65 MB */
	PIECE_BYTES = 64 << 10,
};

static int write_all(int fd, const uint8_t *bytes, size_t n, struct error *err)
{
	while (n) {
		ssize_t done = write(fd, bytes, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return error_set(err, done ? -errno : -EIO,
				"its compressed symbols cannot be unpacked: %s",
				strerror(done ? errno : EIO));
		bytes += done;
		n -= (size_t)done;
	}
	return 0;
}

static int decode(lzma_stream *stream, int fd, struct error *err)
{
	uint8_t piece[PIECE_BYTES];
	lzma_ret state = LZMA_OK;

	while (state == LZMA_OK) {
		stream->next_out = piece;
		stream->avail_out = sizeof(piece);
		state = lzma_code(stream, LZMA_FINISH);
		if (state != LZMA_OK && state != LZMA_STREAM_END)
			return error_set(err, state == LZMA_MEM_ERROR ? -ENOMEM : -EBADMSG,
				"its compressed symbols cannot be unpacked (xz error %d)", state);
		if (stream->total_out > DEBUG_DATA_BYTES_MAX)
			return error_set(err, -E2BIG, "its compressed symbols have over %d MB",
				DEBUG_DATA_BYTES_MAX >> 20);
		int r = write_all(fd, piece, sizeof(piece) - stream->avail_out, err);
		if (r)
			return r;
	}
	return 0;
}

int debug_data_open(
	struct elf_image *image, int scratch_fd, struct elf_image **ret, struct error *err)
{
	lzma_stream stream = LZMA_STREAM_INIT;
	struct elf_bytes packed;
	int r = elf_image_section(image, ".gnu_debugdata", &packed, err);

	if (r)
		return r;
	if (lzma_stream_decoder(&stream, DECODER_BYTES_MAX, 0) != LZMA_OK)
		return error_oom(err);
	stream.next_in = packed.at;
	stream.avail_in = packed.n;
	r = decode(&stream, scratch_fd, err);
	lzma_end(&stream);
	return r ? r : elf_image_open(scratch_fd, ret, err);
}
