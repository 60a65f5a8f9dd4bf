void collect(const std::vector<int> &input, std::vector<int> &unique)
{
	for (int x : input) {
		if (std::find(unique.begin(), unique.end(), x) == unique.end())
			unique.push_back(x);
	}
}

int main()
{
	collect(a, b);
}
