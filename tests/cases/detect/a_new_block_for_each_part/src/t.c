static char *join(const struct page *p)
{
	char *text = calloc(1, 1);
	size_t length = 0;

	for (int i = 0; i < p->count; i++) {
		size_t more = strlen(p->line[i]);
		char *longer = malloc(length + more + 1);

		memcpy(longer, text, length);
		memcpy(longer + length, p->line[i], more + 1);
		free(text);
		text = longer;
		length += more;
	}
	return text;
}

int main(void)
{
	for (;;)
		free(join(next_page()));
}
