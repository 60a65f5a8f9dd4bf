static char *append(char *text, const char *part)
{
	size_t length = strlen(text);
	char *longer = malloc(length + strlen(part) + 1);

	memcpy(longer, text, length);
	strcpy(longer + length, part);
	free(text);
	return longer;
}

static char *join(const struct page *p)
{
	char *page = strdup("");

	for (int i = 0; i < p->count; i++)
		page = append(page, p->line[i]);
	return page;
}
