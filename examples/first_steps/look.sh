onemq queues list
onemq publish parcels 'parcel 3' --header town=Kiel
onemq peek parcels
onemq consume parcels --count 1
