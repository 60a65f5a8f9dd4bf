static void keep(struct store *s, const struct page *p)
{
	const char *before = "";
	size_t length = 0;

	for (int i = 0; i < p->count; i++) {
		size_t more = strlen(p->line[i]);
		char *copy = malloc(length + more + 1);

		memcpy(copy, before, length);
		memcpy(copy + length, p->line[i], more + 1);
		s->kept[s->count++] = copy;
		before = p->line[i];
		length = more;
	}
}
