static void append(struct text *t, const char *part, size_t more)
{
	while (t->capacity < t->length + more + 1) {
		size_t capacity = t->capacity * 2;
		char *larger = malloc(capacity);

		memcpy(larger, t->bytes, t->length);
		free(t->bytes);
		t->bytes = larger;
		t->capacity = capacity;
	}
	memcpy(t->bytes + t->length, part, more + 1);
	t->length += more;
}

static void join(struct text *t, const struct page *p)
{
	for (int i = 0; i < p->count; i++)
		append(t, p->line[i], p->bytes[i]);
}
