static int compare(const void *a, const void *b)
{
	const int *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

int main(void)
{
	for (int i = 0; i < 100; i++) {
		fill(numbers, n);
		qsort(numbers, n, sizeof(*numbers), compare);
	}
}
