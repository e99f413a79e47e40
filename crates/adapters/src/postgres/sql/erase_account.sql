SELECT erase_account()
