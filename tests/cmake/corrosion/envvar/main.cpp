extern "C" void of_environment();

int main()
{
    of_environment();
    return 0;
}
