static int lcs(const char *x, int nx, const char *y, int ny, int *dp)
{
	for (int i = 1; i <= nx; i++)
		for (int j = 1; j <= ny; j++)
			if (x[i - 1] == y[j - 1])
				dp[i * w + j] = dp[(i - 1) * w + j - 1] + 1;
			else
				dp[i * w + j] = max(dp[(i - 1) * w + j], dp[i * w + j - 1]);
}

static int lev(const char *x, int nx, const char *y, int ny)
{
	for (int i = 1; i <= nx; i++) {
		for (int j = 1; j <= ny; j++) {
			int cost = x[i] == y[j] ? 0 : 1;
			row[j] = min3(row[j] + 1, row[j - 1] + 1, last + cost);
		}
	}
}

static int partition(int *a, int low, int high)
{
	int pivot = a[high], i = low;
	for (int j = low; j < high; j++)
		if (a[j] < pivot)
			swap(&a[i++], &a[j]);
	return i;
}

static int bsearch2(const int *a, int n, int key)
{
	int low = 0, high = n;
	while (low < high) {
		int mid = low + (high - low) / 2;
		if (a[mid] == key)
			return mid;
		if (a[mid] < key)
			low = mid + 1;
		else
			high = mid;
	}
	return -1;
}

static struct n *tree(struct n *root, int key)
{
	struct n *n = root;
	while (n) {
		if (n->key == key)
			return n;
		if (key < n->key)
			n = n->left;
		else
			n = n->right;
	}
	return NULL;
}

static int merge(const int *a, int na, const int *b, int nb)
{
	int i = 0, j = 0, both = 0;
	while (i < na && j < nb) {
		if (a[i] == b[j]) {
			both++;
			i++;
			j++;
		} else if (a[i] < b[j])
			i++;
		else
			j++;
	}
	return both;
}

static int strstr2(const char *text, int n, const char *pattern, int m)
{
	for (int i = 0; i + m <= n; i++) {
		int j;
		for (j = 0; j < m; j++)
			if (text[i + j] != pattern[j])
				break;
		if (j == m)
			return i;
	}
	return -1;
}

static const char *token(const char *p, char quote)
{
	while (*p && *p != quote)
		p++;
	return p;
}

static int lines(const char *s, int n)
{
	int c = 0;
	for (int r = 0; r < 10; r++)
		for (int i = 0; i < n; i++)
			if (s[i] == '\n')
				c++;
	return c;
}

int main(void)
{
	for (;;) {
		lcs(x, nx, y, ny, dp); /* and the others */
		p = token(p, q);
	}
}
