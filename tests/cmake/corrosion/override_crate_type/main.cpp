extern "C" void plain_library();

int main()
{
    plain_library();
    return 0;
}
