static int find(const struct item *items, int n, int id)
{
	for (int i = 0; i < n; i++)
		if (items[i].id == id)
			return i;
	return -1;
}

static long sum(int n)
{
	long s = 0;
	for (int i = 0; i < n; i++)
		s += i;
	return s;
}

int main(void)
{
	while (next(&request)) {
		int at = find(items, n, request.id);
		sum(at);
	}
}
