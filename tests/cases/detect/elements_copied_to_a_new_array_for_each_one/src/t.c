static void push(struct list *list, struct row row)
{
	struct row *rows = malloc((list->count + 1) * sizeof(*rows));

	for (size_t i = 0; i < list->count; i++)
		rows[i] = list->rows[i];
	rows[list->count++] = row;
	free(list->rows);
	list->rows = rows;
}

static void load(FILE *f, struct list *list)
{
	while (read_row(f, &row))
		push(list, row);
}
