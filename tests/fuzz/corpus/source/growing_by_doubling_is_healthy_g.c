static void push(struct row row)
{
	if (count == capacity) {
		capacity = capacity ? capacity * 2 : 16;
		rows = realloc(rows, capacity * sizeof(*rows));
	}
	rows[count++] = row;
}

int main(void)
{
	for (;;)
		load(f);
}
