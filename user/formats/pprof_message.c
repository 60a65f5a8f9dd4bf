/* From the bytes of a pprof file to its message, within bounds. */
// SPDX-License-Identifier: BSD-2-Clause
#include "formats/pprof_message.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "formats/pprof_read.h"
#include "profile.pb-c.h"

enum {
	PLAIN_BYTES_MAX = 256 << 20,
	MESSAGE_BYTES_MAX = 1 << 30, /* of memory for the unpacked message */
	LOOK_BYTES = 4096,           /* of a file, to tell text from a message */
};

/* An allocator with a limit, for small files that unpack into very many messages. */
static void *limited_alloc(void *data, size_t n)
{
	struct pprof_message *m = data;

	if (n > MESSAGE_BYTES_MAX || m->memory + n > MESSAGE_BYTES_MAX)
		return NULL;
	m->memory += n;
	return malloc(n);
}

static void limited_free(void *data, void *p)
{
	free(p);
}

void pprof_message_done(struct pprof_message *m)
{
	ProtobufCAllocator allocator = { limited_alloc, limited_free, m };

	if (m->profile)
		perftools__profiles__profile__free_unpacked(m->profile, &allocator);
	m->profile = NULL;
}

int pprof_bad(struct error *err, const char *what)
{
	error_exit(err, EXIT_INPUT, -EBADMSG, "not a sound pprof file: %s", what);
	error_hint(err, "`go tool pprof -raw FILE` shows what is in it");
	return -EBADMSG;
}

static int too_big(struct error *err)
{
	return error_exit(err, EXIT_INPUT, -EFBIG,
		"the pprof file is too big: at most 256 MiB unpacked, 1 GiB in memory");
}

static bool is_gzip(const char *bytes, size_t n)
{
	return n > 2 && !memcmp(bytes, "\x1f\x8b", 2);
}

bool pprof_is(const char *bytes, size_t n)
{
	if (is_gzip(bytes, n))
		return true;
	for (size_t i = 0; i < n && i < LOOK_BYTES; i++)
		if ((unsigned char)bytes[i] < ' ' && !strchr("\t\n\r\f\v\x1b", bytes[i]))
			return true;
	/* strchr finds the NUL that ends its list. */
	return memchr(bytes, 0, n < LOOK_BYTES ? n : LOOK_BYTES) != NULL;
}

static void inflate_end(z_stream *z)
{
	inflateEnd(z);
}

/* Unpacks all members of a gzip file. */
static int gunzip(const char *bytes, size_t n, struct strbuf *out, struct error *err)
{
	CLEANUP(inflate_end) z_stream z = { 0 };
	char piece[65536];
	int r = Z_OK;

	if (n > UINT32_MAX)
		return too_big(err);
	if (inflateInit2(&z, 15 + 16))
		return error_oom(err);
	z.next_in = (uint8_t *)(uintptr_t)bytes;
	z.avail_in = (uint32_t)n;
	do {
		if (r == Z_STREAM_END && inflateReset(&z))
			return error_oom(err);
		z.next_out = (uint8_t *)piece;
		z.avail_out = sizeof(piece);
		r = inflate(&z, Z_NO_FLUSH);
		if (r != Z_OK && r != Z_STREAM_END)
			return pprof_bad(
				err, r == Z_BUF_ERROR ? "it is cut short" : "damaged gzip data");
		strbuf_add(out, piece, sizeof(piece) - z.avail_out);
		if (out->length > PLAIN_BYTES_MAX)
			return too_big(err);
	} while (r != Z_STREAM_END || is_gzip((const char *)z.next_in, z.avail_in));
	return out->oom ? error_oom(err) : 0;
}

int pprof_message_unpack(struct pprof_message *m, const char *bytes, size_t n, struct error *err)
{
	ProtobufCAllocator allocator = { limited_alloc, limited_free, m };
	CLEANUP_STRBUF struct strbuf plain = { 0 };

	if (is_gzip(bytes, n)) {
		int failed = gunzip(bytes, n, &plain, err);

		if (failed)
			return failed;
		bytes = strbuf_cstr(&plain);
		n = plain.length;
	}
	if (n > PLAIN_BYTES_MAX)
		return too_big(err);
	if (!n)
		return pprof_bad(err, "it is empty");
	m->profile = perftools__profiles__profile__unpack(&allocator, n, (const uint8_t *)bytes);
	if (!m->profile)
		return m->memory > MESSAGE_BYTES_MAX / 2 ? too_big(err)
							 : pprof_bad(err, "no profile message");
	return 0;
}
