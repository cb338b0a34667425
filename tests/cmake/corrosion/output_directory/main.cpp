extern "C" void somewhere();

int main()
{
    somewhere();
    return 0;
}
