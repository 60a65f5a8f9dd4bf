static void join(char *out, char **parts, int n)
{
	out[0] = 0;
	for (int i = 0; i < n; i++) {
		strcat(out, parts[i]);
		strcat(out, ",");
	}
}

int main(void)
{
	join(buffer, parts, n);
}
