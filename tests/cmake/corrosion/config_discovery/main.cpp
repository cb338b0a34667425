extern "C" void configured();

int main()
{
    configured();
    return 0;
}
