static void push(struct row row)
{
	rows = realloc(rows, (count + 1) * sizeof(*rows));
	rows[count++] = row;
}

static void load(FILE *f)
{
	while (read_row(f, &row))
		push(row);
}

int main(void)
{
	for (;;)
		load(f);
}
