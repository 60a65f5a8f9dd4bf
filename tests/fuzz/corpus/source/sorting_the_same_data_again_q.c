static int compare(const void *a, const void *b)
{
	const int *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

static int median(int *numbers, int n)
{
	int s = 0;
	for (int i = 0; i < n; i++) {
		qsort(numbers, n, sizeof(*numbers), compare);
		s += numbers[i];
	}
	return s;
}

int main(void)
{
	median(numbers, n);
}
