int main(void)
{
	size_t n = 0;
	while (fgets(line, sizeof(line), stdin))
		n += strlen(line);
	for (int i = 0; i < argc; i++)
		n += strlen(argv[i]);
}
