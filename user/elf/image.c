/* Opens an ELF file: its header, its segments and its build id, all checked against its size. */
// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "elf/image.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "elf/image_private.h"

enum {
	SEGMENTS_MAX = 4096,
	NOTES_BYTES_MAX = 64 << 10,
	PAGE_BYTES = 4096,
};

/* Reads exactly @n bytes at @offset. */
static bool read_at(int fd, void *to, size_t n, uint64_t offset)
{
	size_t done = 0;

	while (done < n) {
		ssize_t r = pread(fd, (char *)to + done, n - done, (off_t)(offset + done));

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return false;
		done += (size_t)r;
	}
	return true;
}

static bool fits(uint64_t offset, uint64_t n, uint64_t file_bytes)
{
	return offset <= file_bytes && n <= file_bytes - offset;
}

/* What of a file header matters, for both classes. */
struct header {
	uint64_t phoff, shoff;
	uint32_t phnum, shnum, phentsize, shentsize;
};

static bool read_header(struct elf_image *image, struct header *h)
{
	union {
		unsigned char ident[EI_NIDENT];
		Elf64_Ehdr e64;
		Elf32_Ehdr e32;
	} u = { 0 };

	if (!read_at(image->fd, &u.ident, sizeof(u.ident), 0))
		return false;
	bool wide = u.ident[EI_CLASS] == ELFCLASS64;
	if (!read_at(image->fd, &u, wide ? sizeof(u.e64) : sizeof(u.e32), 0))
		return false;
	if (wide)
		*h = (struct header){ u.e64.e_phoff, u.e64.e_shoff, u.e64.e_phnum, u.e64.e_shnum,
			u.e64.e_phentsize, u.e64.e_shentsize };
	else
		*h = (struct header){ u.e32.e_phoff, u.e32.e_shoff, u.e32.e_phnum, u.e32.e_shnum,
			u.e32.e_phentsize, u.e32.e_shentsize };
	image->type = wide ? u.e64.e_type : u.e32.e_type;
	image->machine = wide ? u.e64.e_machine : u.e32.e_machine;
	image->wide = wide;
	return true;
}

static int check_ident(int fd, struct error *err)
{
	unsigned char ident[EI_NIDENT];

	if (!read_at(fd, ident, sizeof(ident), 0) || memcmp(ident, ELFMAG, SELFMAG))
		return error_set(err, -EBADMSG, "not an ELF file");
	if (ident[EI_DATA] != ELFDATA2LSB ||
		(ident[EI_CLASS] != ELFCLASS64 && ident[EI_CLASS] != ELFCLASS32))
		return error_set(err, -ENOTSUP, "an ELF file of an unknown class or byte order");
	return 0;
}

/* Refuses headers that point outside of the file, before libelf allocates for them. */
static int check_header(struct elf_image *image, bool may_be_sections, struct error *err)
{
	struct header h;
	int r = check_ident(image->fd, err);

	if (r)
		return r;
	if (!read_header(image, &h))
		return error_set(err, -EBADMSG, "the ELF header is cut short");
	bool sections_only = may_be_sections && !h.phnum && h.shnum;
	if (image->type != ET_EXEC && image->type != ET_DYN &&
		!(sections_only && image->type == ET_REL))
		return error_set(err, -ENOTSUP,
			"an ELF file of type %u, neither executable nor shared object",
			image->type);
	uint32_t phentsize = image->wide ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
	uint32_t shentsize = image->wide ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr);
	if (!sections_only &&
		(!h.phnum || h.phnum > SEGMENTS_MAX || h.phentsize != phentsize ||
			!fits(h.phoff, (uint64_t)h.phnum * phentsize, image->file_bytes)))
		return error_set(err, -EBADMSG, "the program headers do not fit the file");
	/* shnum 0 with a table means 65280 sections or more: nothing that we would profile. */
	if (h.shoff && (!h.shnum || h.shentsize != shentsize ||
			       !fits(h.shoff, (uint64_t)h.shnum * shentsize, image->file_bytes)))
		return error_set(err, -EBADMSG, "the section headers do not fit the file");
	image->section_headers = h.shoff && h.shnum;
	return 0;
}

static uint64_t align_up(uint64_t n, uint64_t to)
{
	return (n + to - 1) & ~(to - 1);
}

/* Looks for the build id among @n bytes of notes. */
static bool find_build_id(struct elf_image *image, const uint8_t *notes, size_t n, size_t align)
{
	for (size_t at = 0; n - at >= sizeof(Elf64_Nhdr);) {
		Elf64_Nhdr note;

		memcpy(&note, notes + at, sizeof(note));
		uint64_t desc = align_up(sizeof(note) + (uint64_t)note.n_namesz, align);
		if (desc > n - at || note.n_descsz > n - at - desc)
			return false;
		if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == sizeof(ELF_NOTE_GNU) &&
			!memcmp(notes + at + sizeof(note), ELF_NOTE_GNU, sizeof(ELF_NOTE_GNU)) &&
			note.n_descsz) {
			image->build_id_bytes = note.n_descsz < ELF_BUILD_ID_BYTES
							? note.n_descsz
							: ELF_BUILD_ID_BYTES;
			memcpy(image->build_id, notes + at + desc, image->build_id_bytes);
			return true;
		}
		uint64_t next = align_up(desc + note.n_descsz, align);
		if (next > n - at)
			return false;
		at += next;
	}
	return false;
}

static int read_notes(struct elf_image *image, const GElf_Phdr *ph, struct error *err)
{
	if (!ph->p_filesz || ph->p_filesz > NOTES_BYTES_MAX ||
		!fits(ph->p_offset, ph->p_filesz, image->file_bytes))
		return 0;
	CLEANUP(freep) uint8_t *notes = malloc(ph->p_filesz);

	if (!notes)
		return error_oom(err);
	if (read_at(image->fd, notes, ph->p_filesz, ph->p_offset))
		find_build_id(image, notes, ph->p_filesz, ph->p_align == 8 ? 8 : 4);
	return 0;
}

static int read_segments(struct elf_image *image, struct error *err)
{
	size_t n;

	if (elf_getphdrnum(image->elf, &n) || n > SEGMENTS_MAX)
		return error_set(err, -EBADMSG, "the program headers cannot be read");
	for (size_t i = 0; i < n; i++) {
		GElf_Phdr ph;

		if (!gelf_getphdr(image->elf, (int)i, &ph))
			return error_set(err, -EBADMSG, "program header %zu cannot be read", i);
		if (ph.p_type == PT_LOAD) {
			if (vec_push(&image->segments, (struct segment){ ph.p_offset, ph.p_vaddr,
							       ph.p_filesz, ph.p_flags & PF_X }))
				return error_oom(err);
		} else if (ph.p_type == PT_NOTE && !image->build_id_bytes) {
			int r = read_notes(image, &ph, err);

			if (r)
				return r;
		}
	}
	return 0;
}

/* Takes the build id of a file without segments from its section. */
static void find_section_build_id(struct elf_image *image)
{
	struct elf_bytes notes;
	struct error none;

	if (elf_image_has_section(image, ".note.gnu.build-id") &&
		!elf_image_section(image, ".note.gnu.build-id", &notes, &none) &&
		notes.n <= NOTES_BYTES_MAX)
		find_build_id(image, notes.at, notes.n, 4);
}

static int open_image(int fd, bool may_be_sections, struct elf_image **ret, struct error *err)
{
	CLEANUP(elf_image_closep) struct elf_image *image = calloc(1, sizeof(*image));
	struct stat st;

	if (!image)
		return error_oom(err);
	image->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (image->fd < 0 || fstat(image->fd, &st))
		return error_set(err, -errno, "cannot keep the file open: %s", strerror(errno));
	if (!S_ISREG(st.st_mode))
		return error_set(err, -EINVAL, "not a regular file");
	image->file_bytes = (uint64_t)st.st_size;
	int r = check_header(image, may_be_sections, err);
	if (r)
		return r;
	if (elf_version(EV_CURRENT) == EV_NONE)
		return error_set(err, -ENOTSUP, "libelf is of another ELF version");
	image->elf = elf_begin(image->fd, ELF_C_READ, NULL);
	if (!image->elf || elf_kind(image->elf) != ELF_K_ELF)
		return error_set(err, -EBADMSG, "not readable as ELF: %s", elf_errmsg(-1));
	r = read_segments(image, err);
	if (r)
		return r;
	if (!image->segments.n)
		find_section_build_id(image);
	*ret = STEAL(image);
	return 0;
}

int elf_image_open(int fd, struct elf_image **ret, struct error *err)
{
	return open_image(fd, false, ret, err);
}

int elf_image_open_debug(int fd, struct elf_image **ret, struct error *err)
{
	return open_image(fd, true, ret, err);
}

void elf_image_close(struct elf_image *image)
{
	if (!image)
		return;
	if (image->elf)
		elf_end(image->elf);
	if (image->fd >= 0)
		close(image->fd);
	vec_done(&image->segments);
	vec_done(&image->sections);
	free(image);
}

void elf_image_closep(struct elf_image **image)
{
	elf_image_close(*image);
}

uint16_t elf_image_type(const struct elf_image *image)
{
	return image->type;
}

uint16_t elf_image_machine(const struct elf_image *image)
{
	return image->machine;
}

uint64_t elf_image_file_bytes(const struct elf_image *image)
{
	return image->file_bytes;
}

uint32_t elf_image_build_id(const struct elf_image *image, const uint8_t **ret_id)
{
	*ret_id = image->build_id;
	return image->build_id_bytes;
}

static const struct segment *find_segment(
	const struct elf_image *image, uint64_t offset, bool executable)
{
	vec_each (s, &image->segments) {
		uint64_t first = s->offset & ~(uint64_t)(PAGE_BYTES - 1);

		if (s->executable == executable && offset >= first &&
			(offset < s->offset || offset - s->offset < s->file_bytes))
			return s;
	}
	return NULL;
}

bool elf_image_vaddr(const struct elf_image *image, uint64_t file_offset, uint64_t *ret_vaddr)
{
	const struct segment *s = find_segment(image, file_offset, true);

	if (!s)
		s = find_segment(image, file_offset, false);
	if (!s)
		return false;
	*ret_vaddr = s->vaddr + (file_offset - s->offset);
	return true;
}

bool elf_image_code(const struct elf_image *image, uint64_t vaddr, void *to, size_t n)
{
	vec_each (s, &image->segments) {
		uint64_t from = vaddr - s->vaddr;

		if (s->executable && vaddr >= s->vaddr && fits(from, n, s->file_bytes) &&
			fits(s->offset, s->file_bytes, image->file_bytes))
			return read_at(image->fd, to, n, s->offset + from);
	}
	return false;
}
